// Pages of controls that all browsers share, to play and to arrange.

import { computed, effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { Icon, StateMark } from "../icons";
import { Pending } from "../parts/Pending";
import { queries } from "../router";
import { connection, may, online } from "../store";
import { Arranger } from "../surface/Arranger";
import { followScreen, isFull, isKeptOn, keepOn, setFull, whyNotKeptOn } from "../surface/screen";
import { Stage } from "../surface/Stage";
import {
  choosePage,
  freeName,
  isKnown,
  keepProblem,
  mayEdit,
  newPage,
  page,
  pageOrder,
  pages,
  tryEdit,
  watchSurface,
} from "../surface/surface_store";

/** Whether controls are arranged, and not played. */
const isArranged = signal(false);
/** The control that is being arranged. */
const chosen = signal("");

const arranges = computed(() => isArranged.value && mayEdit.value && online.value);

export function Surface() {
  useEffect(() => {
    const end = effect(watchSurface);
    const leave = followScreen();
    return () => {
      end();
      leave();
      connection.unwatch("surface");
      isKnown.value = false;
      isArranged.value = false;
    };
  }, []);
  if (!isKnown.value) return <Pending />;
  const shown = page.value;
  return (
    <div class={`surf ${arranges.value ? "arranged" : ""}`}>
      <Tools />
      {keepProblem.value && (
        <p class="say b" role="alert">
          <StateMark mark="bad" label={false} /> The surface cannot be kept: {keepProblem.value}
        </p>
      )}
      {shown ? (
        <div class="surf-room">
          <Stage page={shown} query={queries.surface.value} isArranged={arranges.value} chosen={chosen} />
          {arranges.value && <Arranger page={shown} chosen={chosen} />}
        </div>
      ) : (
        <Empty />
      )}
      {!may("send") && shown && <p class="say">Moving controls needs a token with the right send.</p>}
    </div>
  );
}

function addPage(): void {
  const made = newPage(freeName(pageOrder.value.length ? "Page" : "Main"));
  tryEdit({ op: "add_page", page: made });
  choosePage(made.id);
  isArranged.value = true;
}

function Tools() {
  const why = whyNotKeptOn();
  return (
    <div class="pages">
      {pageOrder.value.length > 0 && <PageButtons />}
      {arranges.value && (
        <button class="btn" onClick={addPage}>
          <Icon name="plus" />
          Page
        </button>
      )}
      <span class="grow" />
      {why && <span class="note faint">{why}</span>}
      {!why && (
        <button class="btn" aria-pressed={isKeptOn.value} onClick={() => void keepOn(!isKeptOn.value)} aria-label="Keep screen on">
          <Icon name="sun" />
          <span class="desk">Keep screen on</span>
        </button>
      )}
      {mayEdit.value && pageOrder.value.length > 0 && <ArrangeButton />}
      <button class="btn" aria-pressed={isFull.value} aria-label="Full screen" onClick={() => void setFull(!isFull.value)}>
        <Icon name={isFull.value ? "close" : "full"} />
        <span class="desk">Full screen</span>
      </button>
    </div>
  );
}

/** The pages, of which one is shown. */
function PageButtons() {
  return (
    <div class="seg" role="group" aria-label="Pages">
      {pageOrder.value.map((id) => {
        const each = pages.value.get(id);
        return (
          each && (
            <button key={id} aria-pressed={page.value?.id === id} onClick={() => choosePage(id)}>
              {each.locked && <Icon name="lock" />}
              {each.name}
            </button>
          )
        );
      })}
    </div>
  );
}

function ArrangeButton() {
  return (
    <button
      class="btn"
      aria-pressed={arranges.value}
      disabled={!online.value}
      onClick={() => {
        isArranged.value = !isArranged.value;
        chosen.value = "";
      }}
    >
      <Icon name={arranges.value ? "tick" : "edit"} />
      {arranges.value ? "Done" : "Arrange"}
    </button>
  );
}

function Empty() {
  return (
    <section class="waiting">
      <Icon name="surface" />
      <h2>Controls of your show, under your fingers</h2>
      <p>Faders, buttons, pads and meters on pages that every browser shares. They follow what the devices say.</p>
      {mayEdit.value ? (
        <button class="btn go" onClick={addPage}>
          Make the first page
        </button>
      ) : (
        <p>There is no page for this token yet. Making one needs a token with the right configure.</p>
      )}
    </section>
  );
}
