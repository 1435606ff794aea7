import { Button, Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { modelsQuery, timelineQuery } from '../data/queries.ts';
import { Trouble, Waiting } from '../parts/waiting.tsx';
import { Entries } from './entries.tsx';

const route = getRouteApi('/timeline');
const step = 100;

/** What happened in the whole system, who or what did it, and why. */
export function TimelinePage() {
  const { model } = route.useSearch();
  const navigate = route.useNavigate();
  const [limit, setLimit] = useState(step);
  const { data: models = [] } = useQuery(modelsQuery);
  const { data: entries, error } = useQuery(timelineQuery(model, limit));
  return (
    <>
      <title>Timeline · Slipway</title>
      <div className="head">
        <h1>What happened, and why</h1>
        <Select
          aria-label="Model"
          placeholder="Every model"
          clearable
          data={models.map((one) => one.model)}
          value={model ?? null}
          onChange={(value) => navigate({ search: { model: value ?? undefined } })}
        />
      </div>
      {error ? <Trouble error={error} /> : null}
      {entries ? <Entries entries={entries} /> : error ? null : <Waiting>Asking Slipway …</Waiting>}
      {entries && entries.length >= limit ? (
        <Button variant="default" onClick={() => setLimit(limit + step)}>
          Older
        </Button>
      ) : null}
    </>
  );
}
