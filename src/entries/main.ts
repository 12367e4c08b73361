/** `import … from 'seqrec'`: every public name, and a backend is chosen when the first one is needed. */
import { automatic } from '../backend/automatic.ts';
import { setAutomatic } from '../backend/select.ts';

// Said here and not by a mere import: bundlers drop an import that only has side effects from unlisted files.
setAutomatic(automatic);

export * from '../index.ts';
