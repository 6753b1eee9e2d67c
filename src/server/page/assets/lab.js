// The lab, on the inspector's page: it fills `#lab`. The tabs are in inspect.js, and what shows an
// item is in dissection.js.

export {};
