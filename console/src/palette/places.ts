import type { ModelView } from '../../../server/src/api.ts';

export interface Place {
  name: string;
  about: string;
  to: string;
}

const pages: Place[] = [
  { name: 'Overview', about: 'is anything wrong', to: '/' },
  { name: 'Journal', about: 'what was answered to whom', to: '/journal' },
  { name: 'Timeline', about: 'what happened and why', to: '/timeline' },
  { name: 'Server', about: 'whether it keeps up, and its processes', to: '/server' },
];

/** Where the text may lead: models first, pages, and the journal for what looks like a prediction's id. Pure. */
export function found(text: string, models: ModelView[]): Place[] {
  const wanted = text.trim().toLowerCase();
  const ofModels = models.map((model) => ({
    name: model.model,
    about: model.health.sentence,
    to: `/models/${encodeURIComponent(model.model)}`,
  }));
  const named = [...ofModels, ...pages].filter((place) => place.name.toLowerCase().includes(wanted));
  if (!/^[0-9a-f-]{8,}$/.test(wanted)) return named.slice(0, 12);
  return [
    ...named,
    {
      name: `Prediction ${text.trim()}`,
      about: 'find it in the journal',
      to: `/journal?id=${encodeURIComponent(text.trim())}`,
    },
  ];
}
