import { useEffect, useRef, useState } from 'react';

export type Plotting = typeof import('@observablehq/plot');

interface PictureProps {
  /** What a screen reader says instead of the picture. */
  label: string;
  height: number;
  /** Undefined while there is nothing to draw yet: its place is kept. */
  make?: (plot: Plotting, width: number) => Element;
  /** A part of the picture was chosen: the mark's class and the index of its datum. */
  choose?: (index: number) => void;
  /** A stretch of the x axis was dragged over, ms. */
  range?: (from: number, to: number) => void;
}

/** A picture by Observable Plot: the library is fetched, and the picture drawn, when it is first seen. */
export function Picture({ label, height, make, choose, range }: PictureProps) {
  const place = useRef<HTMLDivElement>(null);
  const [plot, setPlot] = useState<Plotting | null>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const seen = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        seen.disconnect();
        void import('@observablehq/plot').then(setPlot);
      },
      { rootMargin: '200px' },
    );
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
    if (!element || !plot || !make || width < 50) return;
    let drawn: Element;
    try {
      drawn = make(plot, width);
    } catch (error) {
      // A picture that cannot be drawn must not take the page's answers with it.
      console.error(error);
      element.textContent = 'This picture could not be drawn; the words and figures around it hold.';
      return;
    }
    for (const svg of drawn.matches('svg') ? [drawn] : drawn.querySelectorAll('svg')) {
      svg.setAttribute('role', 'img');
      svg.setAttribute('aria-label', label);
    }
    // One picture with one name: Plot's names of its groups are for nobody.
    for (const group of drawn.querySelectorAll('g[aria-label]')) {
      group.removeAttribute('aria-label');
    }
    element.replaceChildren(drawn);
    return range ? brush(element, drawn, range) : undefined;
  }, [plot, width, make, range, label]);
  useEffect(() => {
    const element = place.current;
    if (!element || !choose) return;
    // On the place and not on its parts: new data may redraw them between press and release.
    const clicked = (event: MouseEvent) => {
      const hit = document.elementsFromPoint(event.clientX, event.clientY);
      const index = [...element.querySelectorAll('.choose rect')].findIndex((rect) => hit.includes(rect));
      if (index !== -1) choose(index);
    };
    element.addEventListener('click', clicked);
    return () => element.removeEventListener('click', clicked);
  }, [choose]);
  return <div ref={place} className="picture" style={{ minHeight: height }} />;
}

/** Lets a mouse drag over a picture choose a stretch of its x axis; a touch goes on scrolling the page. */
function brush(element: HTMLElement, drawn: Element, range: (from: number, to: number) => void): () => void {
  const scale = (drawn as Element & { scale(name: string): { invert(x: number): Date | number } }).scale('x');
  const shade = document.createElement('div');
  shade.className = 'brush';
  let begun: number | null = null;
  const x = (event: PointerEvent) => event.clientX - element.getBoundingClientRect().left;
  const down = (event: PointerEvent) => {
    if (event.pointerType !== 'mouse' || event.button !== 0) return;
    begun = x(event);
    element.append(shade);
    shade.style.width = '0';
  };
  const move = (event: PointerEvent) => {
    if (begun === null) return;
    shade.style.left = `${Math.min(begun, x(event))}px`;
    shade.style.width = `${Math.abs(x(event) - begun)}px`;
  };
  const up = (event: PointerEvent) => {
    if (begun === null) return;
    const ends = [begun, x(event)].sort((a, b) => a - b);
    begun = null;
    shade.remove();
    if (ends[1]! - ends[0]! < 12) return;
    range(Math.round(Number(scale.invert(ends[0]!))), Math.round(Number(scale.invert(ends[1]!))));
  };
  // Before Plot's own listener, which keeps the event to itself.
  element.addEventListener('pointerdown', down, { capture: true });
  window.addEventListener('pointermove', move);
  window.addEventListener('pointerup', up);
  return () => {
    element.removeEventListener('pointerdown', down, { capture: true });
    window.removeEventListener('pointermove', move);
    window.removeEventListener('pointerup', up);
  };
}
