internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerLifecycle
internal import LedgerPorts
internal import LedgerText

/// The answers of lifecycle commands as JSON.
extension Context {
  func print(
    _ stop: LifecycleStop, _ command: LifecycleCommand, _ store: any CommandStore
  ) throws(Failure) {
    try print { json in
      begin(command, store, stop.status, &json)
      json.key("error")
      json.beginObject()
      json.key("code")
      json.string(stop.code)
      json.key("message")
      json.string(stop.failure.message)
      json.endObject()
      json.endObject()
    }
  }

  private func begin(
    _ command: LifecycleCommand, _ store: any CommandStore, _ status: GRPCStatus,
    _ json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("schema")
    json.string("allocledger.lifecycle/1")
    json.key("command")
    json.string(command.action.rawValue)
    json.key(command.isAboutNode ? "node" : "host")
    json.name(command.id)
    json.key("store")
    json.string(store.label)
    json.key("status")
    json.string(status.rawValue)
  }

  func write(
    _ answer: LifecycleAnswer, _ command: LifecycleCommand, _ store: any CommandStore,
    to json: inout JSONWriter
  ) {
    let outcome = answer.outcome
    begin(command, store, .ok, &json)
    json.key("sequence")
    json.integer(outcome.sequence)
    json.key("intent")
    json.integer(outcome.intent)
    json.key("duplicate")
    json.bool(outcome.isDuplicate)
    json.key("config")
    json.name(outcome.fact.attributes.config)
    json.key("old")
    write(outcome.decision?.old, to: &json)
    json.key("new")
    write(outcome.decision?.new, to: &json)
    json.key("hosts")
    json.beginArray()
    for host in outcome.decision?.write.hosts ?? [] {
      json.beginObject()
      json.key("host")
      json.name(host.after.id)
      json.key("before")
      write(host.before?.counters, to: &json)
      json.key("after")
      write(host.after.counters, to: &json)
      json.endObject()
    }
    json.endArray()
    json.key("drift")
    json.beginArray()
    for drift in outcome.decision?.drift ?? [] {
      json.beginObject()
      json.key("host")
      json.name(drift.host)
      json.key("counted")
      write(drift.counted, to: &json)
      json.key("sum")
      write(drift.sum, to: &json)
      json.key("repaired")
      json.bool(drift.isRepaired)
      json.endObject()
    }
    json.endArray()
    json.key("settled")
    json.beginArray()
    for settled in answer.settled {
      json.beginObject()
      json.key("intent")
      json.integer(settled.intent)
      json.key("command")
      json.string(settled.command)
      json.key("sequence")
      if let sequence = settled.sequence { json.integer(sequence) } else { json.null() }
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }

  private func write(_ resources: Resources?, to json: inout JSONWriter) {
    guard let resources else { return json.null() }
    write(zip(Resources.fieldNames, resources.values), to: &json)
  }

  private func write(_ counters: Counters?, to json: inout JSONWriter) {
    guard let counters else { return json.null() }
    write(zip(Counters.fieldNames, counters.values), to: &json)
  }

  private func write(_ members: Zip2Sequence<[String], [Int64]>, to json: inout JSONWriter) {
    json.beginObject()
    for (name, value) in members {
      json.key(name)
      json.integer(value)
    }
    json.endObject()
  }
}
