import { Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useEffect, useState } from 'react';
import { modelsQuery } from '../data/queries.ts';
import { found, type Place } from './places.ts';

/** Opens at "/" unless somebody is typing. */
export function usePalette() {
  const [opened, setOpened] = useState(false);
  useEffect(() => {
    const pressed = (event: globalThis.KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      if (target.closest('input, textarea, select, [contenteditable], [role="dialog"]')) return;
      event.preventDefault();
      setOpened(true);
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, []);
  return { opened, open: () => setOpened(true), close: () => setOpened(false) };
}

export function Palette({ opened, close }: { opened: boolean; close: () => void }) {
  return (
    <Modal
      opened={opened}
      onClose={close}
      withCloseButton={false}
      padding={0}
      yOffset="14vh"
      size="lg"
      attributes={{ content: { 'aria-label': 'Find' } }}
    >
      <Finder close={close} />
    </Modal>
  );
}

function Finder({ close }: { close: () => void }) {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState(0);
  const { data: models = [] } = useQuery(modelsQuery);
  const navigate = useNavigate();
  const places = found(text, models);
  const index = Math.min(chosen, places.length - 1);
  const go = (place: Place | undefined) => {
    if (!place) return;
    close();
    void navigate({ to: place.to });
  };
  const pressed = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step) {
      event.preventDefault();
      setChosen((index + step + places.length) % Math.max(1, places.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      go(places[index]);
    }
  };
  return (
    <div className="palette">
      <input
        data-autofocus
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={pressed}
        placeholder="A model, a page, or a prediction’s id"
        aria-label="Find a model, a page, or a prediction"
        role="combobox"
        aria-expanded="true"
        aria-controls="found"
        aria-activedescendant={places[index] ? `found-${index}` : undefined}
      />
      <div id="found" role="listbox" aria-label="Found">
        {places.map((place, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are handled by the field above, as in every combobox
          <div
            key={place.to}
            id={`found-${i}`}
            role="option"
            aria-selected={i === index}
            tabIndex={-1}
            onClick={() => go(place)}
            onMouseMove={() => setChosen(i)}
          >
            <span>{place.name}</span>
            <span className="quiet small">{place.about}</span>
          </div>
        ))}
      </div>
      {places.length === 0 ? <p className="quiet">Nothing is called so.</p> : null}
    </div>
  );
}
