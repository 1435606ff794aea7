import type { QueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { ChangeEvent } from '../../../server/src/api.ts';
import { send } from './api.ts';

/** Which queries a topic makes stale: the topic's first word, and for "models/NAME" the model. */
const stale: Record<string, string[]> = {
  models: ['models', 'status'],
  timeline: ['timeline'],
  status: ['status'],
};

/** Changes come in bursts: fetch again at most so often. */
const pauseMs = 600;
/** The server says something (or a comment) more often than this; silence means the connection is gone. */
const silenceMs = 45_000;

/** Follows /api/events for as long as the console is open; says whether the connection stands. */
export function useLive(client: QueryClient): { lost: boolean; since: number } {
  const [state, setState] = useState({ lost: false, since: Date.now() });
  useEffect(() => {
    const ending = new AbortController();
    const pending = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | null = null;
    const flush = () => {
      timer = null;
      for (const topic of pending) invalidate(client, topic);
      pending.clear();
    };
    const changed = (event: ChangeEvent) => {
      for (const topic of event.topics) pending.add(topic);
      timer ??= setTimeout(flush, pauseMs);
    };
    const follow = async () => {
      let waitMs = 500;
      let first = true;
      while (!ending.signal.aborted) {
        try {
          await readEvents(ending.signal, changed, () => {
            waitMs = 500;
            setState((was) => (was.lost ? { lost: false, since: Date.now() } : was));
            // What was missed while away.
            if (!first) void client.invalidateQueries();
            first = false;
          });
        } catch {
          // Lost or refused: said below, tried again.
        }
        if (ending.signal.aborted) return;
        setState((was) => (was.lost ? was : { lost: true, since: Date.now() }));
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        waitMs = Math.min(waitMs * 2, 8_000);
      }
    };
    void follow();
    return () => {
      ending.abort();
      if (timer) clearTimeout(timer);
    };
  }, [client]);
  return state;
}

function invalidate(client: QueryClient, topic: string): void {
  const [kind, model] = topic.split('/');
  if (kind === 'models' && model) void client.invalidateQueries({ queryKey: ['model', model] });
  for (const key of stale[kind ?? ''] ?? []) void client.invalidateQueries({ queryKey: [key] });
  if (kind === 'models') void client.invalidateQueries({ queryKey: ['prediction'] });
}

/** One connection, until it ends. A fetch and not an EventSource: a key travels in a header. */
async function readEvents(
  signal: AbortSignal,
  event: (event: ChangeEvent) => void,
  opened: () => void,
): Promise<void> {
  const one = new AbortController();
  const stop = () => one.abort();
  signal.addEventListener('abort', stop);
  let silence = setTimeout(stop, silenceMs);
  try {
    const response = await send('/api/events', {
      headers: { accept: 'text/event-stream' },
      signal: one.signal,
    });
    if (!response.ok || !response.body) throw new Error(`Events answered ${response.status}.`);
    opened();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(stop, silenceMs);
      const blocks = (rest + value.replaceAll('\r', '')).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = block
          .split('\n')
          .filter((line) => line.startsWith('data:'))
          .map((line) => line.slice(5).trim())
          .join('\n');
        if (data) event(JSON.parse(data) as ChangeEvent);
      }
    }
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', stop);
    one.abort();
  }
}
