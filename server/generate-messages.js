// Makes src/oip/messages.json from spec/proto: what the lanes load instead of parsing text at every start.
import { writeFileSync } from 'node:fs';
import protobuf from 'protobufjs';

const here = import.meta.dirname;
const names = ['grpc_service', 'health', 'reflection'];
const files = names.map((name) => `${here}/../spec/proto/${name}.proto`);
const root = new protobuf.Root();
root.loadSync(files, { keepCase: true });
writeFileSync(`${here}/src/oip/messages.json`, `${JSON.stringify(root.toJSON())}\n`);
