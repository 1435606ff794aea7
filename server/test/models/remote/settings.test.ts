import { describe, expect, test } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import { filledHeaders, readSettings } from '../../../src/models/remote/settings.ts';

const least = { slipway: 'remote', url: 'https://models.example:8443/kserve/', model: 'churn' };
const read = (more: object) => readSettings(JSON.stringify({ ...least, ...more }), 'remote.json');

test('what the file leaves out has a stated default', () => {
  expect(read({})).toEqual({
    url: 'https://models.example:8443/kserve/',
    model: 'churn',
    version: null,
    timeoutMs: 5000,
    connectMs: 1000,
    concurrency: 64,
    headers: {},
    missing: false,
    inputs: null,
  });
});

describe('is refused, with its place named', () => {
  const wrong: [object, string][] = [
    [{ slipway: 'logistic' }, '"slipway": "remote"'],
    [{ url: 'models:8080' }, '"url" is neither http nor https'],
    [{ url: 'models' }, 'is no URL'],
    [{ url: 'file:///etc/passwd' }, '"url" is neither http nor https'],
    [{ url: 'grpc://models' }, 'is not a host and its port'],
    [{ url: 'grpcs://models:8081/v2' }, 'is not a host and its port'],
    [{ url: 'grpc://user:secret@models:8081' }, 'holds a name or password'],
    [{ url: 'grpc://models:8081', headers: { 'grpc-timeout': '1S' } }, 'is no header to be set'],
    [{ url: 'grpc://models:8081', headers: { 'token-bin': 'a' } }, 'is no header to be set'],
    [{ url: 'grpc://models:8081', headers: { 'x|a': 'a' } }, 'is no header to be set'],
    [{ url: 'http://user:secret@models' }, 'holds a name or password'],
    [{ url: 'http://models?key=1' }, 'has a query'],
    [{ url: 7 }, '"url" is not a text'],
    [{ model: '' }, '"model" is not a text'],
    [{ version: 2 }, '"version" is not a text'],
    [{ timeoutMs: 0 }, '"timeoutMs" is not a whole number'],
    [{ timeoutMs: 1e9 }, '"timeoutMs" is not a whole number'],
    [{ concurrency: 1.5 }, '"concurrency" is not a whole number'],
    [{ missing: 1 }, '"missing" is not true or false'],
    [{ retries: 3 }, '"retries" is no field'],
    [{ headers: [] }, '"headers" is not an object'],
    [{ headers: { 'x-a': 1 } }, 'is not a line of ASCII text'],
    [{ headers: { 'x-a': 'a\r\nx-b: c' } }, 'is not a line of ASCII text'],
    [{ headers: { 'x a': 'b' } }, 'is no header to be set'],
    [{ headers: { Host: 'other' } }, 'is no header to be set'],
    [{ headers: { 'Content-Length': '1' } }, 'is no header to be set'],
    [{ headers: { 'x-a': `\${AWS_SECRET_ACCESS_KEY}` } }, 'only variables SLIPWAY_UPSTREAM_… are read'],
    [{ headers: { 'x-a': `\${SLIPWAY_UPSTREAM_A} \${HOME}` } }, 'only variables SLIPWAY_UPSTREAM_… are read'],
    [{ inputs: [] }, '"inputs" is not a list of tensors'],
    [{ inputs: [{ datatype: 'FP64', shape: [-1] }] }, 'an input has no "name"'],
    [{ inputs: [{ name: 'x', datatype: 'constructor', shape: [-1] }] }, 'is of no datatype'],
  ];
  test.each(wrong)('%j', (more, message) => {
    expect(() => read(more)).toThrow(message);
    expect(() => read(more)).toThrow('remote.json');
    expect(() => read(more)).toThrow(SlipwayError);
  });

  test('no JSON, or no object', () => {
    for (const text of ['', '{', '[]', 'null', '3'])
      expect(() => readSettings(text, 'remote.json')).toThrow(SlipwayError);
  });
});

test('variables are filled in, and a value cannot begin another header', () => {
  const { headers } = read({ headers: { authorization: `Bearer \${SLIPWAY_UPSTREAM_A}`, 'x-b': '$1 {c}' } });
  expect(filledHeaders(headers, { SLIPWAY_UPSTREAM_A: 'x$&y' })).toEqual({
    authorization: 'Bearer x$&y',
    'x-b': '$1 {c}',
  });
  expect(() => filledHeaders(headers, {})).toThrow('SLIPWAY_UPSTREAM_A, which is not set');
  expect(() => filledHeaders(headers, { SLIPWAY_UPSTREAM_A: 'a\r\nx: b' })).toThrow('no line of ASCII text');
});
