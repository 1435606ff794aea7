import { keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import type {
  AccuracyView,
  DriftView,
  ModelView,
  RolloutView,
  StatusView,
  TimelineEntry,
} from '../../../server/src/api.ts';
import type { PredictionView, ReproductionView } from '../../../server/src/api-predictions.ts';
import { api } from './api.ts';

const at = (model: string, rest = '') => `/api/models/${encodeURIComponent(model)}${rest}`;

export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: () => api<StatusView>('/api/status'),
});

export const modelsQuery = queryOptions({
  queryKey: ['models'],
  queryFn: async () => (await api<{ models: ModelView[] }>('/api/models')).models,
});

export const modelQuery = (model: string) =>
  queryOptions({ queryKey: ['model', model], queryFn: () => api<ModelView>(at(model)) });

/** Between two event times, ms, in finer windows the nearer they are. */
export const accuracyQuery = (model: string, from: number | undefined, to: number | undefined) =>
  queryOptions({
    queryKey: ['model', model, 'accuracy', from ?? null, to ?? null],
    queryFn: () => {
      const search = new URLSearchParams({ windows: '40' });
      if (from !== undefined) search.set('from', String(from));
      if (to !== undefined) search.set('to', String(to));
      return api<AccuracyView>(at(model, `/accuracy?${search}`));
    },
    placeholderData: (before, query) => (query?.queryKey[1] === model ? before : undefined),
  });

export const driftQuery = (model: string, version: number) =>
  queryOptions({
    queryKey: ['model', model, 'drift', version],
    queryFn: () => api<DriftView>(at(model, `/versions/${version}/drift`)),
  });

export const rolloutsQuery = (model: string) =>
  queryOptions({
    queryKey: ['model', model, 'rollouts'],
    queryFn: async () => (await api<{ rollouts: RolloutView[] }>(at(model, '/rollouts'))).rollouts,
  });

export const timelineQuery = (model: string | undefined, limit: number) =>
  queryOptions({
    queryKey: ['timeline', model ?? null, limit],
    queryFn: async () => {
      const search = new URLSearchParams({ limit: String(limit), ...(model ? { model } : {}) });
      return (await api<{ entries: TimelineEntry[] }>(`/api/timeline?${search}`)).entries;
    },
    placeholderData: keepPreviousData,
  });

export interface Find {
  id?: string | undefined;
  model?: string | undefined;
  key?: string | undefined;
  subject?: string | undefined;
}

export const predictionsQuery = ({ id, model, key, subject }: Find) =>
  queryOptions({
    queryKey: ['prediction', id ?? null, model ?? null, key ?? null, subject ?? null],
    queryFn: async () => {
      if (id) return [await api<PredictionView>(`/api/predictions/${encodeURIComponent(id)}`)];
      const search = new URLSearchParams({ limit: '30' });
      if (model) search.set('model', model);
      if (key) search.set('key', key);
      if (subject) search.set('subject', subject);
      return (await api<{ predictions: PredictionView[] }>(`/api/predictions?${search}`)).predictions;
    },
    enabled: Boolean(id || model),
  });

export const reproductionQuery = (id: string) =>
  queryOptions({
    queryKey: ['reproduction', id],
    queryFn: () => api<ReproductionView>(`/api/predictions/${encodeURIComponent(id)}/reproduction`),
  });

/** A change to a model: posts, then fetches what it changed. */
export function useChange(model: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ path, body }: { path: string; body?: unknown }) =>
      api<unknown>(at(model, path), body ?? {}),
    onSettled: () => client.invalidateQueries(),
  });
}
