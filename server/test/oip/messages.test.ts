import { expect, test } from 'vitest';
import { root } from '../../src/oip/messages.ts';
import { protos } from '../grpc/client.ts';

test('the server speaks the messages of spec/proto, all of them', () => {
  expect(root.toJSON()).toEqual(protos.toJSON());
});
