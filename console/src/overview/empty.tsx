import { CopyButton, UnstyledButton } from '@mantine/core';

const command = 'npx slipway deploy churn model.txt';

/** Nothing is deployed yet: what to do, with the exact command. */
export function Empty() {
  return (
    <div className="empty">
      <title>Slipway</title>
      <h1>Nothing is deployed yet.</h1>
      <p>Give Slipway a trained model and a name. It checks it, and answers for it at once:</p>
      <p className="command">
        <code>{command}</code>
        <CopyButton value={command}>
          {({ copied, copy }) => (
            <UnstyledButton onClick={copy} className="copy">
              {copied ? 'Copied' : 'Copy'}
            </UnstyledButton>
          )}
        </CopyButton>
      </p>
      <p className="quiet">
        It may be an XGBoost or LightGBM file, an ONNX file, or a learner. Add{' '}
        <code>--baseline train.csv --label churned</code> to be told when the inputs drift away from the
        training rows. This page fills by itself.
      </p>
    </div>
  );
}
