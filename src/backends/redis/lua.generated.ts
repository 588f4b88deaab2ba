// Made from lua/*.lua by "npm run lua". Change those, not this.

/** lua/publish.lua */
export const PUBLISH: string = "local pcall = redis.pcall\nlocal replies = {}\nfor i = 1, #ARGV / 2 do\nreplies[i] = pcall('PUBLISH', ARGV[2 * i - 1], ARGV[2 * i])\nend\nreturn replies"
