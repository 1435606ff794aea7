import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { errorBody, errorTable } from '../../../src/errors.ts';
import { kinds } from '../../../src/models/kinds.ts';
import { outputsOf } from '../../../src/oip/infer.ts';
import { readInferRequest, writeInferResponse } from '../../../src/oip/infer-json.ts';
import { modelMetadata } from '../../../src/oip/metadata.ts';
import { frameOf } from '../../../src/oip/tensors.ts';
import { answerWidth } from '../../../src/signature.ts';

/** A server on a port of its own. */
export interface Served {
  url: string;
  server: Server;
  close(): Promise<void>;
}

export async function serve(listener: RequestListener): Promise<Served> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): Promise<void> =>
    new Promise((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { url, server, close };
}

/** A model file served by the Open Inference Protocol, under any name. */
export async function upstreamOf(kindName: string, path: string): Promise<Served> {
  const kind = kinds.find(({ name }) => name === kindName)!;
  const { program, signature } = await kind.prepare({ main: basename(path), path }, {});
  const model = await kind.attach(program, signature);
  return serve(async (request, response) => {
    const answer = (status: number, text: string) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    try {
      if (request.method === 'GET') {
        answer(200, JSON.stringify(modelMetadata('m', kindName, [1], signature)));
        return;
      }
      const asked = readInferRequest(await bodyOf(request), null, true);
      const frame = frameOf(asked.inputs, signature);
      const answers = new Float64Array(frame.rows * answerWidth(signature));
      const texts: string[] = [];
      await model.predict(frame, answers, texts);
      const outputs = outputsOf(asked, signature, answers, texts, frame.rows);
      answer(200, writeInferResponse('m', 1, asked, outputs, []).json);
    } catch (thrown) {
      const { code, message } = errorBody(thrown);
      answer(errorTable[code].status, JSON.stringify({ error: message }));
    }
  });
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
