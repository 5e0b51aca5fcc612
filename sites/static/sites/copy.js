// Copy buttons: `data-copy` names the element whose text is taken.

const SHOWN_MS = 2000;

document.addEventListener("click", async (click) => {
  const button = click.target.closest("[data-copy]");
  if (!button) {
    return;
  }
  const source = document.getElementById(button.dataset.copy);
  const isCopied = await copy(source);
  say(button.querySelector("[aria-live]"), isCopied ? "Copied" : "Press Ctrl+C");
});

async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    // Over plain http:// browsers give no clipboard; select the text for the user's own keys.
    getSelection().selectAllChildren(source);
    return false;
  }
}

function say(element, text) {
  const before = "Copy";
  element.textContent = text;
  setTimeout(() => {
    element.textContent = before;
  }, SHOWN_MS);
}
