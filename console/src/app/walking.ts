import { useRouter } from '@tanstack/react-router';
import { useEffect } from 'react';

/** Arrows walk the rows of a page's list (`data-row`), Enter opens the one in focus, Esc goes back. */
export function useWalking(): void {
  const router = useRouter();
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const modified = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
      if (event.defaultPrevented || modified || document.querySelector('[role="dialog"]')) return;
      if (target.closest('input, textarea, select, [role="radiogroup"]')) {
        if (event.key === 'Escape') target.blur();
        return;
      }
      const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
      if (step && walk(step)) event.preventDefault();
      if (event.key !== 'Escape' || router.state.location.pathname === '/') return;
      if (router.history.canGoBack()) router.history.back();
      else void router.navigate({ to: '/' });
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, [router]);
}

/** From the row in focus to the one beside it; from nowhere to the first in sight. Elsewhere arrows scroll. */
function walk(step: number): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const here = rows.indexOf(document.activeElement as HTMLElement);
  if (here === -1 && document.activeElement !== document.body) return false;
  const next = here === -1 ? rows.find((row) => row.getBoundingClientRect().top >= 0) : rows[here + step];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
  return next !== undefined;
}
