// Makes src/oip/messages.json of spec/proto, which the lanes load instead of parsing text at every start, and
// src/grpc/descriptors.json of spec/proto/descriptors.binpb, which protoc makes of the same files (spec/README.md).
import { readFileSync, writeFileSync } from 'node:fs';
import protobuf from 'protobufjs';

const here = import.meta.dirname;
const names = ['grpc_service', 'health', 'reflection'];
const files = names.map((name) => `${here}/../spec/proto/${name}.proto`);
const root = new protobuf.Root();
root.loadSync(files, { keepCase: true });
writeFileSync(`${here}/src/oip/messages.json`, `${JSON.stringify(root.toJSON())}\n`);

// FileDescriptorSet's one field is its files: each as protoc wrote it.
const reader = protobuf.Reader.create(readFileSync(`${here}/../spec/proto/descriptors.binpb`));
const described = [];
while (reader.pos < reader.len) {
  reader.uint32();
  described.push(Buffer.from(reader.bytes()).toString('base64'));
}
writeFileSync(`${here}/src/grpc/descriptors.json`, `${JSON.stringify(described)}\n`);
