import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import type { Find } from '../data/queries.ts';
import { Overview } from '../overview/overview.tsx';
import { NotFound } from './not-found.tsx';
import { Shell } from './shell.tsx';

/** Search parameters hold a page's state, so that a link shows a colleague the same view. */
function text(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function whole(value: unknown): number | undefined {
  const number = Number(value);
  return value !== undefined && value !== '' && Number.isSafeInteger(number) ? number : undefined;
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const overview = createRoute({ getParentRoute: () => root, path: '/', component: Overview });

export interface ModelSearch {
  /** Event time, ms: the stretch the pictures show. */
  from?: number | undefined;
  to?: number | undefined;
  /** Whose drift, which feature, which window's begin. */
  version?: number | undefined;
  feature?: string | undefined;
  window?: number | undefined;
  /** The version whose details are open. */
  open?: number | undefined;
}

const model = createRoute({
  getParentRoute: () => root,
  path: '/models/$model',
  validateSearch: (search: Record<string, unknown>): ModelSearch => ({
    from: whole(search.from),
    to: whole(search.to),
    version: whole(search.version),
    feature: text(search.feature),
    window: whole(search.window),
    open: whole(search.open),
  }),
  component: lazyRouteComponent(() => import('../model/page.tsx'), 'ModelPage'),
});

const journal = createRoute({
  getParentRoute: () => root,
  path: '/journal',
  validateSearch: (search: Record<string, unknown>): Find => ({
    id: text(search.id),
    model: text(search.model),
    key: text(search.key),
    subject: text(search.subject),
  }),
  component: lazyRouteComponent(() => import('../journal/page.tsx'), 'JournalPage'),
});

const timeline = createRoute({
  getParentRoute: () => root,
  path: '/timeline',
  validateSearch: (search: Record<string, unknown>): { model?: string | undefined } => ({
    model: text(search.model),
  }),
  component: lazyRouteComponent(() => import('../timeline/page.tsx'), 'TimelinePage'),
});

const server = createRoute({
  getParentRoute: () => root,
  path: '/server',
  component: lazyRouteComponent(() => import('../server/page.tsx'), 'ServerPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([overview, model, journal, timeline, server]),
  defaultPreload: 'intent',
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
