import { Button, Group, Modal, PasswordInput, Stack } from '@mantine/core';
import { useEffect, useState } from 'react';
import { askForKeyWith } from '../data/api.ts';

/** Asks for a key when the API wants one; it is kept for this tab only. */
export function AskKey() {
  const [answer, setAnswer] = useState<((key: string | null) => void) | null>(null);
  const [key, setKey] = useState('');
  useEffect(() => askForKeyWith(() => new Promise((resolve) => setAnswer(() => resolve))), []);
  const done = (value: string | null) => {
    answer?.(value);
    setAnswer(null);
  };
  return (
    <Modal opened={answer !== null} onClose={() => done(null)} title="This Slipway wants a key" centered>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          done(key.trim() || null);
        }}
      >
        <Stack>
          <PasswordInput
            label="Key"
            description="Kept in this tab until it is closed."
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
            data-autofocus
          />
          <Group justify="flex-end">
            <Button type="submit">Go on</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
