// A form that takes its time says so: `data-busy` on it names the element that tells, and the
// button that was pressed waits.

for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", (submit) => {
    document.getElementById(form.dataset.busy).hidden = false;
    submit.submitter?.setAttribute("aria-disabled", "true");
  });
  // Back in the browser's history shows the page as it was left.
  window.addEventListener("pageshow", () => {
    document.getElementById(form.dataset.busy).hidden = true;
  });
}
