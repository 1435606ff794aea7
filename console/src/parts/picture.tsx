import { useEffect, useRef, useState } from 'react';

export type Plotting = typeof import('@observablehq/plot');

interface PictureProps {
  /** What a screen reader says instead of the picture. */
  label: string;
  height: number;
  make: (plot: Plotting, width: number) => Element;
  /** A part of the picture was chosen: the mark's class and the index of its datum. */
  choose?: (index: number) => void;
}

/** A picture by Observable Plot: the library is fetched, and the picture drawn, when it is first seen. */
export function Picture({ label, height, make, choose }: PictureProps) {
  const place = useRef<HTMLDivElement>(null);
  const [plot, setPlot] = useState<Plotting | null>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      void import('@observablehq/plot').then(setPlot);
    }, { rootMargin: '200px' });
    seen.observe(element);
    const sized = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    sized.observe(element);
    return () => {
      seen.disconnect();
      sized.disconnect();
    };
  }, []);
  useEffect(() => {
    const element = place.current;
    if (!element || !plot || width < 50) return;
    const drawn = make(plot, width);
    for (const svg of drawn.matches('svg') ? [drawn] : drawn.querySelectorAll('svg')) {
      svg.setAttribute('role', 'img');
      svg.setAttribute('aria-label', label);
    }
    if (choose)
      drawn.querySelectorAll('.choose rect').forEach((rect, index) => {
        rect.addEventListener('click', () => choose(index));
      });
    element.replaceChildren(drawn);
  }, [plot, width, make, choose, label]);
  return <div ref={place} className="picture" style={{ minHeight: height }} />;
}

/** The colour of a version, the same in every picture; by Okabe and Ito, told apart by all eyes. */
const hues = ['#0072b2', '#d55e00', '#009e73', '#b0579a', '#8c6d00', '#3a9ad9'];
export function versionHue(version: number): string {
  return hues[(version - 1) % hues.length]!;
}
