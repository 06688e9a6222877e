// Whose view the page is: that of one replica, or of all that answered; and which of their certificates end
// soon.

import { byId, show, text } from "./dom.js";
import { ago, duration, some } from "./format.js";

// As many as are named; a fleet that is gone would fill the screen.
const NAMED = 8;

export function about({ replica, replicas, version, phase, started, time }) {
  const lived = duration(Math.floor((time - started) / 60) * 60 || time - started);
  const several = replicas ? `${some(replicas.length, "replica", "replicas")}, asked ${replica}` : replica;
  const versions = [...new Set((replicas ?? []).map((one) => one.version).concat(version))].filter(Boolean);
  text(byId("about"), [several, versions.join(" and "), phase, `up ${lived}`].filter(Boolean).join(" · "));
  text(byId("view"), replicas
    ? "The view of all replicas that answered, each since its start; what was before stands in Prometheus."
    : "One replica's view, since its start; what other replicas serve stands on their pages, and together in Prometheus.");
}

// From so many days before its end on, a certificate is a matter for the page: an alert is a ticket then.
const SOON = 21 * 86400;

// Names the certificates that end soon, or have ended.
export function showCertificates({ certificates, time }) {
  const soon = (certificates ?? []).filter((one) => one.ends - time < SOON);
  const box = byId("certificates");
  show(box, soon.length > 0);
  const end = ({ name, ends }) => (ends <= time
    ? `${name || "one without a name"} ended ${ago(time - ends)}` : `${name || "one without a name"} ends in ${duration(ends - time)}`);
  text(box, `${soon.length === 1 ? "A certificate ends soon or has ended" : "Certificates end soon or have ended"}: ${soon.slice(0, NAMED).map(end).join(", ")}.`);
}

// Names the replicas whose part is missing from any of these answers.
export function showMissing(answers) {
  const missing = new Map(answers.flatMap((one) => one.missing ?? []).map((one) => [one.peer, one.reason]));
  const box = byId("missing");
  show(box, missing.size > 0);
  const named = [...missing].slice(0, NAMED).map(([peer, reason]) => `${peer} (${reason})`);
  const more = missing.size > NAMED ? `, and ${missing.size - NAMED} more` : "";
  text(box, `${some(missing.size, "replica", "replicas")} didn't answer, and what ${missing.size === 1 ? "it knows" : "they know"} is missing here: ${named.join(", ")}${more}.`);
}
