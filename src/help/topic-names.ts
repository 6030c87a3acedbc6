/** The topics of `sessionctl help <topic>`; what they say is loaded where it is asked for. */
export const topicSummaries = {
  'exit-codes': 'what each exit code means',
  environment: 'variables that are read, and files that are looked for',
  selection: 'how sessions are selected',
  time: 'how to write times and lengths, and whose clock counts',
  output: 'formats, streams, colour, and errors for scripts',
} as const;

export type TopicName = keyof typeof topicSummaries;

export const topicNames = Object.keys(topicSummaries) as readonly TopicName[];
