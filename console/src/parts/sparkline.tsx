/** Traffic at a glance; the words beside it say the numbers. */
export function Sparkline({ values, label }: { values: number[]; label: string }) {
  const width = 132;
  const height = 28;
  const most = Math.max(1, ...values);
  const step = width / Math.max(1, values.length - 1);
  const points = values.map(
    (value, i) => `${(i * step).toFixed(1)},${(height - 2 - (value / most) * (height - 4)).toFixed(1)}`,
  );
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <polygon
        points={`0,${height} ${points.join(' ')} ${width},${height}`}
        fill="var(--accent)"
        opacity="0.13"
      />
      <polyline
        points={points.join(' ')}
        fill="none"
        stroke="var(--accent)"
        strokeWidth="1.5"
        strokeLinejoin="round"
      />
    </svg>
  );
}
