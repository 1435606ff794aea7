import type { Logger } from 'pino';
import type { Tracer } from '../lane/tracer.ts';
import { tracingSettings } from '../lane/tracing-settings.ts';
import type { Config } from './config.ts';

/** A lane's tracer; null, and nothing of it loaded, where no exporter is configured. */
export async function startTracer(config: Config, lane: string, log: Logger): Promise<Tracer | null> {
  const warnings: string[] = [];
  const settings = tracingSettings(config.otlpEndpoint, process.env, (message) => warnings.push(message));
  if (!settings) return null;
  const [{ Tracer }, { diag, DiagLogLevel }] = await Promise.all([
    import('../lane/tracer.ts'),
    import('@opentelemetry/api'),
  ]);
  for (const message of warnings) log.warn(message);
  const say =
    (level: 'error' | 'warn' | 'debug') =>
    (message: string, ...more: unknown[]): void =>
      log[level]({ more }, `OpenTelemetry: ${message}`);
  const own = {
    error: say('error'),
    warn: say('warn'),
    info: say('debug'),
    debug: () => {},
    verbose: () => {},
  };
  diag.setLogger(own, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  return new Tracer(settings, lane);
}
