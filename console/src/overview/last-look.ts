import { useEffect, useState } from 'react';

const place = 'slipway-looked';

function read(): number | null {
  return Number(localStorage.getItem(place)) || null;
}

/** When this browser was last taken off the overview, ms; null on the first visit. */
export function useLastLook(): number | null {
  const [looked, setLooked] = useState(read);
  useEffect(() => {
    const leave = () => localStorage.setItem(place, String(Date.now()));
    const turned = () => (document.visibilityState === 'hidden' ? leave() : setLooked(read()));
    document.addEventListener('visibilitychange', turned);
    window.addEventListener('pagehide', leave);
    return () => {
      document.removeEventListener('visibilitychange', turned);
      window.removeEventListener('pagehide', leave);
      leave();
    };
  }, []);
  return looked;
}
