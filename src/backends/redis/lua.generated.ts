// Made from lua/*.lua by "npm run lua". Change those, not this.

/** lua/publish.lua */
export const PUBLISH: string = "local replies = {}\nfor i = 1, #ARGV, 2 do\nreplies[#replies + 1] = redis.pcall('PUBLISH', ARGV[i], ARGV[i + 1])\nend\nreturn replies"
