import { Option } from 'commander'

/** What the commands for events say about the channels that events travel on. */
export function prefixOption(): Option {
  return new Option('--prefix <text>', "what the events' channels begin with").default('events:')
}
