import { Button, Group, Modal, Stack } from '@mantine/core';
import { useState } from 'react';
import { Trouble } from './waiting.tsx';

interface AskOnceProps {
  /** On the button, and again in the question. */
  verb: string;
  /** What will happen to traffic, and how it is undone. */
  effect: string;
  act: () => Promise<unknown>;
  quiet?: boolean;
  label?: string;
}

/** A step that changes what callers get: says what will happen, asks once. */
export function AskOnce({ verb, effect, act, quiet = false, label }: AskOnceProps) {
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const go = async () => {
    setBusy(true);
    setError(null);
    try {
      await act();
      setOpen(false);
    } catch (thrown) {
      setError(thrown as Error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button
        size="xs"
        variant={quiet ? 'default' : 'filled'}
        aria-label={label}
        onClick={() => setOpen(true)}
      >
        {verb}
      </Button>
      <Modal
        opened={open}
        onClose={() => setOpen(false)}
        title={`${label ?? verb}?`}
        closeButtonProps={{ 'aria-label': 'Close' }}
        centered
      >
        <Stack>
          <p>{effect}</p>
          {error ? <Trouble error={error} /> : null}
          <p role="status" className="small quiet">
            {busy ? 'Waiting until every lane has taken it over …' : ''}
          </p>
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setOpen(false)}>
              Leave it
            </Button>
            <Button loading={busy} onClick={go} data-autofocus>
              {verb}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
