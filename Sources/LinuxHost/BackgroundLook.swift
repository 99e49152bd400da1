package import LedgerPorts

/// A look at a store that goes on while its caller does something else.
package struct BackgroundLook {
  /// A look with what was told about its statements.
  private struct Outcome: Sendable {
    var result: Result<Observation, StoreError>
    var lines: [String]
  }

  private var work: Background<Outcome>?

  package init() {}

  /// Begins to look on a thread of its own; nothing where a look is under way or no thread can be had.
  ///
  /// - Parameters:
  ///   - isTraced: whether `look` gets somewhere to tell its statements.
  ///   - look: reads the store, with a connection that nobody else uses.
  package mutating func begin(
    isTraced: Bool,
    _ look: @escaping @Sendable (((String) -> Void)?) throws(StoreError) -> Observation
  ) {
    guard work == nil else { return }
    work = Background {
      var lines: [String] = []
      let result = Result { () throws(StoreError) in
        try look(isTraced ? { lines.append($0) } : nil)
      }
      return Outcome(result: result, lines: lines)
    }
  }

  /// What the look that was begun came to; nil where none was.
  ///
  /// Blocks until it is over. `trace` is told its statements.
  package mutating func take(
    _ trace: ((String) -> Void)?
  ) throws(StoreError) -> Observation? {
    guard let outcome = work.take()?.wait() else { return nil }
    for line in outcome.lines { trace?(line) }
    return try outcome.result.get()
  }
}
