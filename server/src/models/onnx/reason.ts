const longest = 300;

/** Why onnxruntime failed, in one line: its own words without its source paths, signatures and conditions. */
export function reasonOf(error: unknown): string {
  const line = String((error as Error).message)
    .trim()
    .split('\n')[0]!;
  const operator = /while running (\S+) node/.exec(line)?.[1];
  const source = /\/onnxruntime_src\/\S+ /.exec(line);
  const said = source
    ? afterSignature(line.slice(source.index + source[0].length))
    : line.replace(/^.*Status Message: /, '');
  const reason = said
    .replace(/^.* was false\. /, '')
    .replace(/\w+(::\w+)+ /g, '')
    .replace(/^\[ONNXRuntimeError\] : \d+ : \w+ : /, '')
    .trim()
    .slice(0, longest);
  return operator ? `${operator}: ${reason}` : reason;
}

/**
 * Whether an operator does not take what the row made of its inputs: an index beyond a table, say. The gates have seen
 * the graph answer, so that it is the row's fault, unless there is no memory for it.
 */
export function refusesRow(error: unknown): boolean {
  const text = String((error as Error).message);
  return /while running \S+ node/.test(text) && !/allocate|bad_alloc/.test(text);
}

/** What follows a C++ signature: its parameters in parentheses, then perhaps a lambda, `const`, `[with …]`. */
function afterSignature(text: string): string {
  const parameters = afterBrackets(text.slice(text.indexOf('(')), '(', ')');
  const qualified = parameters.replace(/^(::<lambda\(\)>)?\s*(const)?\s*/, '');
  return (qualified.startsWith('[with') ? afterBrackets(qualified, '[', ']') : qualified).trim();
}

function afterBrackets(text: string, open: string, close: string): string {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === open) depth++;
    else if (text[i] === close && --depth === 0) return text.slice(i + 1);
  }
  return text;
}
