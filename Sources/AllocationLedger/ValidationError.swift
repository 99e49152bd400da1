internal import LedgerPorts

/// Why validation or repair could not be done; the text names the store, table, column and row.
public enum ValidationError: Error, Hashable, Sendable {
  /// The nodes, or the store as a whole, could not be read.
  case queryNodes(String)
  /// The hosts could not be read.
  case queryHosts(String)
  /// The configs could not be read.
  case queryConfigs(String)
  /// A config holds something that is no requirement.
  case parseNodeConfig(String)
  /// The nodes could not be written; nothing was changed.
  case updateNode(String)
  /// The hosts could not be written; nothing was changed.
  case updateHost(String)
  /// The nodes of a host take more together than 64 bits can hold; nothing was changed.
  case overflow(String)
}

extension ValidationError {
  /// The error for a store that could not be read, by the table that its text names.
  init(reading error: StoreError) {
    let text = error.message
    if text.contains("table hosts") {
      self = .queryHosts(text)
    } else if text.contains("table configs") {
      let isSchema = text.contains("has no ")
      self = isSchema ? .queryConfigs(text) : .parseNodeConfig(text)
    } else {
      self = .queryNodes(text)
    }
  }
}

extension StoreError {
  /// The text of any case.
  var message: String {
    switch self {
    case .unreadable(let text), .locked(let text), .notEmpty(let text), .stale(let text),
      .refused(let text), .failed(let text), .uncertain(let text), .interrupted(let text):
      text
    }
  }
}
