/// Why a command was refused; nothing was changed then.
package struct LifecycleRefusal: Error, Hashable, Sendable {
  /// The reasons; the raw value is the stable code.
  package enum Code: String, CaseIterable, Sendable {
    case invalidID = "invalid_id"
    case unknownNode = "unknown_node"
    case unknownHost = "unknown_host"
    case unknownConfig = "unknown_config"
    case nodeExists = "node_exists"
    case hostExists = "host_exists"
    case retiredHost = "retired_host"
    case hostHasNodes = "host_has_nodes"
    case invalidImage = "invalid_image"
    case invalidConfig = "invalid_config"
    case unknownProperty = "unknown_property"
    case sameImage = "same_image"
    case missingOldConfig = "missing_old_config"
    case missingRequirement = "missing_requirement"
    case zeroRequirement = "zero_requirement"
    case overLimit = "over_limit"
    case fractionalCores = "fractional_cores"
    case overflow
    case negativeCounter = "negative_counter"
    case noCapacity = "no_capacity"
    case hostDrift = "host_drift"
    case storeBehind = "store_behind"
    case rejected = "rejected"
    case unexpectedSequence = "unexpected_sequence"
    case keyReused = "key_reused"
  }

  package var code: Code
  /// A finer code, where history refused: that of the contradiction.
  package var detail: String?
  /// What is wrong, where, and what to do.
  package var message: String

  package init(_ code: Code, _ message: String, detail: String? = nil) {
    self.code = code
    self.message = message
    self.detail = detail
  }

  /// The code that answers carry.
  package var publicCode: String { detail ?? code.rawValue }

  package var status: GRPCStatus { code.status }
}

/// The status codes of gRPC that commands end with, by their names there.
package enum GRPCStatus: String, Sendable {
  case ok = "OK"
  case cancelled = "CANCELLED"
  case invalidArgument = "INVALID_ARGUMENT"
  case notFound = "NOT_FOUND"
  case alreadyExists = "ALREADY_EXISTS"
  case resourceExhausted = "RESOURCE_EXHAUSTED"
  case failedPrecondition = "FAILED_PRECONDITION"
  case aborted = "ABORTED"
  case outOfRange = "OUT_OF_RANGE"
  case unavailable = "UNAVAILABLE"
  case unknown = "UNKNOWN"
  case dataLoss = "DATA_LOSS"
  case `internal` = "INTERNAL"
}

extension LifecycleRefusal.Code {
  package var status: GRPCStatus {
    switch self {
    case .unknownNode, .unknownHost, .unknownConfig: .notFound
    case .nodeExists, .hostExists, .keyReused: .alreadyExists
    case .invalidID, .invalidImage, .invalidConfig, .unknownProperty, .missingRequirement,
      .zeroRequirement, .fractionalCores:
      .invalidArgument
    case .overLimit, .overflow: .outOfRange
    case .noCapacity: .resourceExhausted
    case .unexpectedSequence: .aborted
    case .retiredHost, .hostHasNodes, .sameImage, .missingOldConfig, .negativeCounter, .hostDrift,
      .storeBehind, .rejected:
      .failedPrecondition
    }
  }
}
