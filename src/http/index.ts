export { createHttp, type Http, type HttpAppendOptions, type HttpCallOptions, type HttpOptions } from './http.ts'
export { HttpError } from './http-error.ts'
