import { readAside, writeAside } from '../http/data/aside.ts';
import { messageAside, tensorsAside } from '../lane/infer-aside.ts';
import { pack, workAside } from '../lane/side-work.ts';

/** A lane's second thread: what is pure and long (lane/side-thread.ts). */
workAside({ read: readAside, write: writeAside, tensors: tensorsAside, message: messageAside, pack });
