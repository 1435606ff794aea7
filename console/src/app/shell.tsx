import { ActionIcon, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link, Outlet } from '@tanstack/react-router';
import { useLive } from '../data/events.ts';
import { Palette, usePalette } from '../palette/palette.tsx';
import { When } from '../parts/when.tsx';
import { AskKey } from './ask-key.tsx';
import { useWalking } from './walking.ts';

/** What surrounds every page: name, pages, finding, light and dark, and the word when the connection is lost. */
export function Shell() {
  const live = useLive(useQueryClient());
  const palette = usePalette();
  useWalking();
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <div role="status">
        {live.lost ? (
          <div className="banner">
            The connection was lost <When at={live.since} />. What you see is from then; it is tried again by
            itself.
          </div>
        ) : null}
      </div>
      <header className="top">
        <Link to="/" className="mark" aria-label="Slipway, overview">
          <img src="/slipway.svg" width="22" height="22" alt="" />
          Slipway
        </Link>
        <nav aria-label="Pages">
          <Link to="/" activeOptions={{ exact: true }}>
            Overview
          </Link>
          <Link to="/journal">Journal</Link>
          <Link to="/timeline">Timeline</Link>
          <Link to="/server">Server</Link>
        </nav>
        <button type="button" className="find" onClick={palette.open} aria-label="Find">
          Find <kbd>/</kbd>
        </button>
        <SchemeSwitch />
      </header>
      <main className="page" id="content">
        <Outlet />
      </main>
      <Palette opened={palette.opened} close={palette.close} />
      <AskKey />
    </>
  );
}

function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const other = scheme === 'light' ? 'dark' : 'light';
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      aria-label={`Change to ${other}`}
      onClick={() => setColorScheme(other)}
    >
      <svg width="17" height="17" viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" strokeWidth="1.6" />
        <path d="M8 1.8a6.2 6.2 0 0 1 0 12.4z" fill="currentColor" />
      </svg>
    </ActionIcon>
  );
}
