type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/**
 * `typeOf(value).is<Expected>()` compiles where the value's type is the expected one in every way that the compiler
 * can tell, `any`, `unknown` and `never` included.
 */
export function typeOf<Actual>(_value: Actual): {
  is: <Expected>(...same: Same<Actual, Expected> extends true ? [] : ['the types differ']) => void
} {
  return { is: () => {} }
}
