import LedgerPorts

/// What the server, or libpq, answered when it did not do what it was told.
struct PostgresError: Error, Hashable {
  /// The SQLSTATE of five characters; empty where the connection itself failed.
  let state: String
  /// The server's own words.
  let message: String
  /// The statement with placeholders, never with values.
  let sql: String
}

/// Everything that can stop work on a PostgreSQL store, before it leaves the module.
enum PostgresFailure: Error, Hashable {
  /// The server refused, or cannot be reached.
  case server(PostgresError)
  /// The store holds something else than it should, or the caller's own step refused.
  case store(StoreError)
  /// Somebody asked for the end.
  case interrupted
}

/// What a connection is for.
enum PostgresAccess {
  case read
  case write
}

/// Turns failures into the port's errors, which name the store and what to do.
struct PostgresFailureTranslator {
  let address: PostgresAddress
  let access: PostgresAccess

  /// The port's error for `failure`; what is the port's already goes through unchanged.
  func storeError(_ failure: PostgresFailure) -> StoreError {
    switch failure {
    case .store(let error): error
    case .server(let error): storeError(error)
    case .interrupted:
      .interrupted(access == .read ? "interrupted" : "interrupted; nothing was changed")
    }
  }

  private func storeError(_ error: PostgresError) -> StoreError {
    let label = address.label
    let evidence = self.evidence(error)
    switch error.state {
    case "":
      return .unreadable("\(label) cannot be reached: \(address.withoutSecrets(error.message))")
    case "55P03", "40P01", "40001":
      return .locked(
        "\(label): another transaction holds a row or table for longer than "
          + "\(address.lockTimeoutMilliseconds) ms; nothing was changed; try again when it is done "
          + "(\(evidence))")
    case "57014":
      return .unreadable(
        "\(label): a statement was ended: it took longer than \(address.statementTimeoutMilliseconds) ms, "
          + "or somebody ended it; statement_timeout=MILLISECONDS in the store's address allows more "
          + "(\(evidence))")
    case "42501":
      return access == .read
        ? .unreadable("\(label): the user lacks a right; grant SELECT (\(evidence))")
        : .refused(
          "\(label): the user lacks a right, nothing was changed; grant UPDATE (\(evidence))")
    case "25006":
      let text =
        "\(label) is read only: a standby, or a role or database with default_transaction_read_only; name the primary, "
        + "or another role (\(evidence))"
      return access == .read ? .unreadable(text) : .refused(text)
    // Data exceptions: out of range, malformed, or not in the encoding of the database.
    case let state where state.hasPrefix("22") && access == .write:
      return .refused(
        "\(label): a value does not fit its column or the database's encoding, nothing was changed (\(evidence))"
      )
    // Integrity constraints: the store's own rules know better than the plan.
    case let state where state.hasPrefix("23"):
      return .refused(
        "\(label): the store's own rules forbid it, nothing was changed (\(evidence))")
    default:
      return access == .read
        ? .unreadable("\(label) could not be read (\(evidence))")
        : .failed("\(label) could not be written, nothing was changed (\(evidence))")
    }
  }

  private func evidence(_ error: PostgresError) -> String {
    let context = error.sql.isEmpty ? "" : ", in: \(error.sql)"
    return "\(address.withoutSecrets(error.message)), SQLSTATE \(error.state)\(context)"
  }
}
