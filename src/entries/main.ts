/** `import … from 'seqrec'`: every public name, and a backend is chosen when the first one is needed. */
import '../backend/automatic.ts';

export * from '../index.ts';
