/** `import 'seqrec/node'` runs seqrec on the TensorFlow of tfjs-node, on CUDA where there is a GPU. */
import { node } from '../backend/node.ts';
import { requestBackend } from '../backend/select.ts';

requestBackend(node);
