import fc from 'fast-check';
import { expect, test } from 'vitest';
import { timeoutOf } from '../../src/http/data/timeout.ts';

test('each unit of gRPC is what gRPC says it is', () => {
  const of = (text: string): number => timeoutOf({ 'grpc-timeout': text });
  expect(['1H', '1M', '1S', '1m', '1000u', '1000000n'].map(of)).toEqual([3_600_000, 60_000, 1000, 1, 1, 1]);
});

test('the shorter of both headers counts; without any, nobody is in a hurry', () => {
  fc.assert(
    fc.property(fc.nat(99_999_999), fc.nat(99_999_999), (grpc, envoy) => {
      const headers = { 'grpc-timeout': `${grpc}m`, 'x-envoy-expected-rq-timeout-ms': `${envoy}` };
      expect(timeoutOf(headers)).toBe(Math.min(grpc, envoy));
    }),
  );
  expect(timeoutOf({})).toBe(Number.POSITIVE_INFINITY);
});

test.each(['', '5', '5s', '-1S', '1e3S', '123456789S', 'S', '5S, 6S'])('%j is no timeout', (text) => {
  expect(() => timeoutOf({ 'grpc-timeout': text })).toThrow('grpc-timeout');
});
