/** What an interpreter and its libraries go by: where things are, language, threads, devices. */
const plain =
  /^(PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|DYLD_\w+|VIRTUAL_ENV|CONDA_\w+|PYTHON\w+|(OMP|OPENBLAS|MKL|NUMEXPR|VECLIB|CUDA|NVIDIA|HF)_\w+|SLIPWAY_PYTHON_\w+)$/;

/** Of an environment, what a version's own code gets to see. Secrets for it are named SLIPWAY_PYTHON_…. */
export function pythonEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => plain.test(name)));
}
