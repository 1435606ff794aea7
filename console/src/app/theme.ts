import { createTheme, type MantineColorsTuple } from '@mantine/core';

const accent: MantineColorsTuple = [
  '#eef3fd',
  '#dbe5f9',
  '#b4c9f3',
  '#8aabed',
  '#6690e8',
  '#4f7fe5',
  '#3f73df',
  '#2f5fd0',
  '#254fb3',
  '#1b4197',
];

export const theme = createTheme({
  colors: { accent },
  primaryColor: 'accent',
  primaryShade: 7,
  defaultRadius: 'md',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace',
  cursorType: 'pointer',
});
