// Camera and microphone: asked for when a call starts, given back when it ends.
//
// A call never needs them. Whatever goes wrong here becomes a sentence for the user, and the call
// goes on with what there is.

const VIDEO = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: 'user' };

/** Tried in this order; a computer may have a microphone and no camera, or the reverse. */
const ATTEMPTS = [
  { constraints: { audio: true, video: VIDEO }, problem: null },
  {
    constraints: { audio: true, video: false },
    problem: 'No camera can be used: the other side hears you, but does not see you.',
  },
  {
    constraints: { audio: false, video: VIDEO },
    problem: 'No microphone can be used: the other side sees you, but does not hear you.',
  },
];

/** Gives `{ stream, problem }`: the stream may be null, the problem is a sentence or null. */
export async function openMedia() {
  // Browsers hide the API itself from pages that are neither https: nor on this computer.
  if (!navigator.mediaDevices?.getUserMedia) {
    return {
      stream: null,
      problem: 'Browsers give the camera only to pages opened over https or on localhost. '
        + 'You can see, hear and chat, but the other side does not see you.',
    };
  }
  let failure = null;
  for (const { constraints, problem } of ATTEMPTS) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(constraints);
      return { stream, problem };
    } catch (error) {
      failure ??= error;
      // Refused once is refused: a second question would be pestering.
      if (error.name === 'NotAllowedError' || error.name === 'SecurityError') break;
    }
  }
  return {
    stream: null,
    problem: `${describe(failure)} The call works without: you can see, hear and chat, `
      + 'but the other side does not see you.',
  };
}

export function stopMedia(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function describe(error) {
  switch (error?.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'Camera and microphone were refused (the sign beside the address changes that).';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'No camera and no microphone was found.';
    case 'NotReadableError':
    case 'AbortError':
      return 'The camera or the microphone is in use by another program.';
    default:
      return `Camera and microphone did not start (${error?.name ?? 'unknown'}).`;
  }
}
