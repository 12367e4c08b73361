/** `import 'seqrec/cpu'` runs seqrec on plain JavaScript, which works everywhere and is slow. */
import { cpu } from '../backend/cpu.ts';
import { requestBackend } from '../backend/select.ts';

requestBackend(cpu);
