"use strict";
(function () {
  document.documentElement.classList.add("js");

  // A body is base64 of a zlib stream of HTML; nothing is fetched.
  async function fill(drill) {
    var packed = drill.querySelector(':scope > script[type="text/plain"]');
    if (!packed) return;
    packed.remove();
    var body = drill.querySelector(":scope > .body");
    if (!window.DecompressionStream) {
      body.textContent = "This browser is too old to show the details.";
      return;
    }
    var bytes = Uint8Array.from(atob(packed.textContent), function (letter) { return letter.charCodeAt(0); });
    var stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    body.innerHTML = await new Response(stream).text();
  }

  document.addEventListener("toggle", function (event) {
    if (event.target.matches("details.drill") && event.target.open) fill(event.target);
  }, true);

  async function reveal() {
    var id = decodeURIComponent(location.hash.slice(1));
    var target = id && document.getElementById(id);
    if (!target) return;
    for (var node = target; node; node = node.parentElement) {
      if (node.tagName === "DETAILS") node.open = true;
    }
    if (target.matches("details.drill")) await fill(target);
    target.scrollIntoView();
  }
  window.addEventListener("hashchange", reveal);
  reveal();

  function copy(button) {
    var text = button.parentElement.querySelector("pre").textContent;
    function say(word) {
      button.textContent = word;
      setTimeout(function () { button.textContent = "Copy"; }, 1500);
    }
    if (!navigator.clipboard) return say("Not copied");
    navigator.clipboard.writeText(text).then(function () { say("Copied"); }, function () { say("Not copied"); });
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("button");
    if (!button) return;
    if (button.closest(".copy")) copy(button);
    var all = button.dataset.all;
    if (!all) return;
    document.querySelectorAll("details.drill").forEach(function (drill) {
      drill.open = all === "open";
    });
  });
})();
