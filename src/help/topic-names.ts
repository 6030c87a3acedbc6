/** The topics of `sessionctl help <topic>`; their text is loaded when it is needed. */
export const topicSummaries = {
  'exit-codes': 'what each exit code means',
  environment: 'environment variables and configuration files',
  selection: 'how sessions are selected',
  time: 'times and durations, and which clock is used',
  output: 'formats, streams, colour, and errors for scripts',
} as const;

export type TopicName = keyof typeof topicSummaries;

export const topicNames = Object.keys(topicSummaries) as readonly TopicName[];
