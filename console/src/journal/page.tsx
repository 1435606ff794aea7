import { Button, Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { type Find, modelsQuery, predictionsQuery } from '../data/queries.ts';
import { Trouble, Waiting } from '../parts/waiting.tsx';
import { Prediction } from './prediction.tsx';

const route = getRouteApi('/journal');

/** What did we answer, why, and was it right? */
export function JournalPage() {
  const find = route.useSearch();
  const navigate = route.useNavigate();
  const { data: models = [] } = useQuery(modelsQuery);
  const only = models[0]?.model;
  // Without anything asked, the newest answers of the first model.
  const asked: Find = find.id || find.model ? find : { ...find, model: only };
  const { data: predictions, error, isFetching } = useQuery(predictionsQuery(asked));
  return (
    <>
      <title>Journal · Slipway</title>
      <h1>What was answered, and was it right?</h1>
      <Form
        key={JSON.stringify(find)}
        find={asked}
        models={models.map((one) => one.model)}
        submit={(search) => navigate({ search })}
      />
      {error ? <Trouble error={error} /> : null}
      {!predictions && !error ? (
        <Waiting>
          {isFetching ? 'Reading the journal …' : 'Every answer will stand here, with what it was given.'}
        </Waiting>
      ) : null}
      {predictions ? <p className="small quiet found">{said(predictions.length, asked)}</p> : null}
      {predictions?.map((one, i) => (
        <Prediction
          key={one.id}
          prediction={one}
          opened={predictions.length === 1 || (i === 0 && Boolean(find.key))}
        />
      ))}
    </>
  );
}

function said(found: number, find: Find): string {
  if (found === 0)
    return 'Nothing was found. Ids and keys must be given in full; the journal may no longer hold very old answers.';
  if (find.id) return 'Found by its id.';
  if (find.key || find.subject) return found === 1 ? 'One answer.' : `${found} answers, the newest first.`;
  return `The newest ${found} answers of ${find.model}.`;
}

function Form({
  find,
  models,
  submit,
}: {
  find: Find;
  models: string[];
  submit: (find: Required<Find>) => void;
}) {
  const [id, setId] = useState(find.id ?? '');
  const [model, setModel] = useState(find.model ?? '');
  const [key, setKey] = useState(find.key ?? '');
  const [subject, setSubject] = useState(find.subject ?? '');
  useEffect(() => {
    if (find.model) setModel(find.model);
  }, [find.model]);
  return (
    <form
      className="find-form"
      onSubmit={(event) => {
        event.preventDefault();
        const wanted = id.trim();
        submit({
          id: wanted || undefined,
          model: wanted ? undefined : model || undefined,
          key: wanted ? undefined : key.trim() || undefined,
          subject: wanted ? undefined : subject.trim() || undefined,
        });
      }}
    >
      <TextInput
        label="Id of the prediction"
        className="grow"
        value={id}
        onChange={(event) => setId(event.currentTarget.value)}
      />
      <span className="quiet or">or</span>
      <Select
        label="Model"
        data={models}
        value={model || null}
        onChange={(value) => setModel(value ?? '')}
        allowDeselect={false}
        w={150}
      />
      <TextInput label="Key" value={key} onChange={(event) => setKey(event.currentTarget.value)} w={140} />
      <TextInput
        label="Subject"
        value={subject}
        onChange={(event) => setSubject(event.currentTarget.value)}
        w={140}
      />
      <Button type="submit">Find</Button>
    </form>
  );
}
