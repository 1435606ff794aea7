export type Level = 'well' | 'look' | 'act';

const words: Record<Level, string> = { well: 'Well', look: 'Look', act: 'Act' };
const shapes: Record<Level, string> = {
  well: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13zM4.8 8.3l2.2 2.2l4.2-4.6',
  look: 'M8 1.5L15 14H1z',
  act: 'M8 .8L15.2 8L8 15.2L.8 8z',
};

/** A state by shape, word and colour: any one of them is enough. */
export function StateMark({ level, wordless = false }: { level: Level; wordless?: boolean }) {
  return (
    <span className="state" data-level={level}>
      <svg width="14" height="14" viewBox="0 0 16 16" role="img" aria-label={words[level]}>
        <path
          d={shapes[level]}
          fill={level === 'well' ? 'none' : 'currentColor'}
          stroke="currentColor"
          strokeWidth="1.8"
          strokeLinejoin="round"
          strokeLinecap="round"
        />
      </svg>
      {wordless ? null : <span aria-hidden="true">{words[level]}</span>}
    </span>
  );
}
