import { Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';
import { glossary, type TermName } from '../words/glossary.ts';

/** A word with its one-line explanation on hover and focus. */
export function Term({ name, children }: { name: TermName; children?: ReactNode }) {
  return (
    <Tooltip
      label={glossary[name]}
      multiline
      w={280}
      events={{ hover: true, focus: true, touch: true }}
      withArrow
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the explanation must be reachable by keyboard */}
      <span className="term" tabIndex={0}>
        {children ?? name}
      </span>
    </Tooltip>
  );
}
