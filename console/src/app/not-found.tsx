import { Link } from '@tanstack/react-router';

export function NotFound() {
  return (
    <>
      <h1>There is nothing here.</h1>
      <p className="quiet">
        <Link to="/">The overview</Link> lists every model; press / to find one by name.
      </p>
    </>
  );
}
