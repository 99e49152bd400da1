internal import LedgerCore
internal import LedgerDrawing
internal import LedgerEngine

/// An audit as one HTML page: no script, nothing from a network, and every text of the ledger escaped.
enum AuditPage {
  static func beginning(_ title: [(name: String, value: String)], _ verified: String) -> String {
    let terms = title.map { term in
      "<dt>\(Markup.escaped(term.name))</dt><dd>\(Markup.escaped(term.value))</dd>"
    }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width,initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <title>Audit of \(Markup.escaped(title.first?.value ?? ""))</title>
      <style>
      \(style)
      </style>
      </head>
      <body>
      <header>
      <h1>Audit</h1>
      <dl>\(terms.joined())</dl>
      <p class="verified">\(Markup.escaped(verified))</p>
      </header>
      <main>
      <table>
      <thead><tr><th class="number">Entry</th><th>Time</th><th>Event</th><th>Origin</th><th>Changes</th></tr></thead>
      <tbody>

      """
  }

  static func row(_ step: AuditStep) -> String {
    let fact = step.entry.fact
    let mark = step.mark.map { " <span class=\"mark\">\(Markup.escaped($0))</span>" } ?? ""
    let origin = [
      fact.actor.map { "by <b>\(Markup.escaped($0.description))</b>" },
      fact.source.map { "from \(Markup.escaped($0.description))" },
      fact.cause.map { "because of entry&nbsp;\($0)" },
    ].compactMap { $0 }.joined(separator: "<br>")
    return """
      <tr\(step.mark == nil ? "" : " class=\"void\"") id="entry-\(step.entry.sequence)"><td class="number">\(step.entry.sequence)</td>\
      <td><time>\(step.entry.fact.occurred.rfc3339)</time><br><small>recorded \(step.entry.recorded.rfc3339)</small></td>\
      <td><b>\(fact.type.name)</b>\(mark)<br>\(Markup.escaped(step.story))</td><td>\(origin)</td>\
      <td>\(changes(step))</td></tr>

      """
  }

  /// The changes of a step, under a heading for each entity.
  private static func changes(_ step: AuditStep) -> String {
    var rows = ""
    var entity = ""
    for line in step.lines {
      if line.entity != entity {
        entity = line.entity
        rows += "<tr><th colspan=\"4\">\(Markup.escaped(entity))</th></tr>"
      }
      rows +=
        "<tr><td>\(Markup.escaped(line.field))</td><td class=\"number\">\(Markup.escaped(line.before))</td>"
        + "<td>→</td><td class=\"number\">\(Markup.escaped(line.after))</td></tr>"
    }
    return rows.isEmpty ? "" : "<table class=\"changes\">\(rows)</table>"
  }

  static func end(_ count: String) -> String {
    """
    </tbody>
    </table>
    </main>
    <footer><p>\(Markup.escaped(count)) shown. This page is complete in itself.</p></footer>
    </body>
    </html>

    """
  }

  private static let style = """
    :root{color-scheme:light dark;--text:#1f2937;--faint:#6b7280;--page:#fff;--line:#e5e7eb;--good:#0f766e;--bad:#b91c1c;--band:#f9fafb}
    @media (prefers-color-scheme:dark){:root{--text:#e5e7eb;--faint:#94a3b8;--page:#0f172a;--line:#334155;--good:#2dd4bf;--bad:#f87171;--band:#111c33}}
    body{font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--text);background:var(--page);margin:2rem auto;max-width:1200px;padding:0 1rem}
    h1{font-size:1.5rem;margin:0 0 .5rem}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0}dt{color:var(--faint)}dd{margin:0;overflow-wrap:anywhere}
    .verified{color:var(--good);overflow-wrap:anywhere;border-left:3px solid;padding-left:.6rem}
    table{border-collapse:collapse;width:100%}th{text-align:left;border-bottom:2px solid var(--line);padding:.4rem .6rem;position:sticky;top:0;background:var(--page)}
    main>table>tbody>tr>td:nth-child(5){width:24rem}td{vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
    main>table>tbody>tr:nth-child(even){background:var(--band)}
    .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}time,small{white-space:nowrap}small,footer{color:var(--faint)}
    .changes td,.changes th{border:0;padding:0 .6rem 0 0;position:static;background:none}.changes th{font-weight:600;overflow-wrap:anywhere}
    .changes td{overflow-wrap:normal}.changes td:first-child{color:var(--faint)}.changes td:nth-child(3){padding-right:.6rem}.changes td:last-child{padding:0}.mark{color:var(--bad)}.void b{text-decoration:line-through}
    @media print{:root{--text:#000;--faint:#444;--page:#fff;--line:#bbb;--good:#000;--bad:#000;--band:#fff}body{margin:0;max-width:none;font-size:9pt}
    thead{display:table-header-group}th{position:static}main>table>tbody>tr{break-inside:avoid}@page{size:A4 landscape;margin:12mm}}
    """
}
