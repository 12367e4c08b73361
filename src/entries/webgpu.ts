/** `import 'seqrec/webgpu'` runs seqrec on the GPU through WebGPU. */

import { requestBackend } from '../backend/select.ts';
import { webgpu } from '../backend/webgpu.ts';

requestBackend(webgpu);
