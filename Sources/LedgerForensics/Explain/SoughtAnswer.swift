/// An explanation that somebody knows to be true, to be looked for among all that there are, listed or not.
package struct SoughtAnswer {
  /// The entries that it names.
  let sequences: Set<Int64>
  /// Whether a cause is one of its.
  let accepts: (Cause) -> Bool

  /// An answer whose causes are all accepted; but for those of a restored state they name some of `sequences`.
  package init(sequences: Set<Int64>, accepts: @escaping (Cause) -> Bool) {
    self.sequences = sequences
    self.accepts = accepts
  }

  func accepts(_ causes: [Cause]) -> Bool { !causes.isEmpty && causes.allSatisfy(accepts) }
}
